// What an engine sent is no HTTP/1.1 answer, or can be read in two ways. Whoever reads answers throws this one error.

export class MalformedAnswer extends Error {
  /** As the parser of Node names its own, so that messages are the same. */
  readonly code = 'HPE_INVALID_ANSWER';
}
