// Events as lines that go on and on: a table whose columns grow, or one JSON object per line.
import { objectAt, stringAt, type JsonObject } from '../../../controller/base/json.js';
import { cellText, columnWidths, formatRow } from './table.js';

const headings = ['TIME', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'];

export class EventPrinter {
  readonly #isJson: boolean;
  readonly #write: (text: string) => void;
  #widths: readonly number[] = [];
  #headersDue: boolean;

  constructor(o: {
    readonly isJson: boolean;
    readonly headers: boolean;
    readonly write: (text: string) => void;
  }) {
    this.#isJson = o.isJson;
    this.#headersDue = o.headers;
    this.#write = o.write;
  }

  print(events: readonly JsonObject[]): void {
    if (events.length === 0) return;
    if (this.#isJson) {
      this.#write(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
      return;
    }
    const rows = [...(this.#headersDue ? [headings] : []), ...events.map(cellsOf)];
    this.#headersDue = false;
    this.#widths = columnWidths(rows, this.#widths);
    this.#write(rows.map((row) => `${formatRow(row, this.#widths)}\n`).join(''));
  }
}

function cellsOf(event: JsonObject): readonly string[] {
  const involved = objectAt(event, 'involvedObject');
  const count = event['count'];
  // A time and not an age: a line that stays on the screen must stay true.
  return [
    stringAt(event, 'lastTimestamp') ?? '',
    cellText(event['type']),
    cellText(event['reason']),
    `${(stringAt(involved, 'kind') ?? '').toLowerCase()}/${stringAt(involved, 'name') ?? ''}`,
    `${cellText(event['message'])}${typeof count === 'number' && count > 1 ? ` (${count} times)` : ''}`,
  ];
}
