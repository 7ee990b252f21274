// Sends the whole script to one door and keeps every answer.
import { exchange, type Door, type Received, type Sent } from './exchange.js';
import { requestOf, type Memory, type Step } from './step.js';

export interface Run {
  /** One for each step, in order. */
  readonly answers: readonly Received[];
  readonly memory: Memory;
}

export async function runSteps(
  door: Door,
  { steps, version }: { readonly steps: readonly Step[]; readonly version: string },
): Promise<Run> {
  const memory: Memory = { texts: new Map(), bytes: new Map() };
  const answers: Received[] = [];
  for (const step of steps) {
    const sent = requestOf(step, { memory, version });
    // An engine by itself may cut an upload short on a busy host: then what it says the next time is what counts.
    const tries = 'socketPath' in door ? 2 : 1;
    const answer = await exchangeInTries(door, sent, tries).catch((cause: unknown) => {
      throw new Error(`${sent.method} ${sent.path} (${step.about ?? ''}) had no answer`, { cause });
    });
    answers.push(answer);
    keep(step, { answer, memory });
  }
  return { answers, memory };
}

async function exchangeInTries(door: Door, sent: Sent, tries: number): Promise<Received> {
  try {
    return await exchange(door, sent);
  } catch (error) {
    if (tries === 1) throw error;
    return exchangeInTries(door, sent, tries - 1);
  }
}

function keep(step: Step, { answer, memory }: { answer: Received; memory: Memory }): void {
  const { remember } = step;
  if (remember === undefined || answer.status >= 400) return;
  if ('bytes' in remember) {
    memory.bytes.set(remember.bytes, answer.body);
    return;
  }
  const value: unknown = JSON.parse(answer.body.toString('utf8'));
  const field: unknown =
    typeof value === 'object' && value !== null ? Reflect.get(value, remember.field) : '';
  if (typeof field === 'string') memory.texts.set(remember.key, field);
}

/** What two runs of the same thing differ in: the IDs that were made, and the time. */
export function renameRun(text: string, { texts }: Memory): string {
  let renamed = text;
  for (const [key, value] of texts) {
    renamed = renamed.replaceAll(value, `<${key}>`).replaceAll(value.slice(0, 12), `<${key}>`);
  }
  return (
    renamed
      .replace(/\b[0-9a-f]{64}\b/g, '<hash>')
      .replace(/\b[0-9a-f]{12}\b/g, '<short hash>')
      // Engines give out the next free subnet.
      .replace(/\b172\.\d+\.0\./g, '172.x.0.')
      .replace(/\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b/g, '<mac>')
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, '<time>')
      .replace(/(?<=[: ])1[678]\d{8}\b/g, '0')
      .replace(/\b(Less than a second|About a minute|\d+ (seconds?|minutes?))\b/g, '<age>')
  );
}
