// Just enough protocol buffers to read requests of BuildKit and take fields out of them; unknown fields stay as they are.

export interface ProtoField {
  readonly number: number;
  /** The value of a field with a length; undefined for numbers. */
  readonly bytes: Buffer | undefined;
  /** The field with its tag, as it stood in the message. */
  readonly raw: Buffer;
}

/** The fields of a message in their order. @throws Error when the bytes are no message */
export function* readFields(message: Buffer): Generator<ProtoField, void, undefined> {
  let at = 0;
  while (at < message.length) {
    const start = at;
    const tag = readVarint(message, at);
    const number = Math.floor(tag.value / 8);
    at = tag.end;
    let bytes: Buffer | undefined;
    switch (tag.value % 8) {
      case 0:
        at = readVarint(message, at).end;
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = readVarint(message, at);
        at = length.end + length.value;
        bytes = message.subarray(length.end, at);
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw new Error('not a protocol buffer: unknown wire type');
    }
    if (at > message.length) throw new Error('not a protocol buffer: it ends inside of a field');
    yield { number, bytes, raw: message.subarray(start, at) };
  }
}

/** The last value of a text field; `''` when it is not there. */
export function textField(message: Buffer, number: number): string {
  let text = '';
  for (const field of readFields(message)) {
    if (field.number === number && field.bytes !== undefined) text = field.bytes.toString('utf8');
  }
  return text;
}

/** A text field as it stands in a message. */
export function textFieldBytes(number: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** A map of text to text. */
export function mapField(message: Buffer, number: number): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  for (const field of readFields(message)) {
    if (field.number === number && field.bytes !== undefined) {
      entries.set(textField(field.bytes, 1), textField(field.bytes, 2));
    }
  }
  return entries;
}

/** The message without the entries of a map whose key is unwanted; the same buffer when there is none. */
export function withoutMapEntries(
  message: Buffer,
  number: number,
  isUnwanted: (key: string) => boolean,
): Buffer {
  const kept: Buffer[] = [];
  let dropped = false;
  for (const field of readFields(message)) {
    const isDropped =
      field.number === number && field.bytes !== undefined && isUnwanted(textField(field.bytes, 1));
    if (isDropped) dropped = true;
    else kept.push(field.raw);
  }
  return dropped ? Buffer.concat(kept) : message;
}

/** Numbers above 2^53 lose digits: only tags and lengths are used as numbers here. */
function readVarint(message: Buffer, start: number): { readonly value: number; readonly end: number } {
  let value = 0;
  let factor = 1;
  // A varint has at most ten bytes.
  for (let at = start; at < Math.min(start + 10, message.length); at += 1) {
    const byte = message[at] ?? 0;
    value += (byte & 0x7f) * factor;
    factor *= 128;
    if (byte < 0x80) return { value, end: at + 1 };
  }
  throw new Error('not a protocol buffer: bad number');
}
