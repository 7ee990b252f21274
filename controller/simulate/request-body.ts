// Reads what clients of a simulated engine send, and words its refusals.
import type { SimulatedAnswer } from './engine-state.js';

/** The JSON object of a body; nothing sent means an empty one. */
export function parseBody(body: Buffer): Record<string, unknown> {
  return body.length === 0 ? {} : (JSON.parse(body.toString('utf8')) as Record<string, unknown>); // Docker clients send objects
}

export function message(status: number, text: string): SimulatedAnswer {
  return { status, json: { message: text } };
}
