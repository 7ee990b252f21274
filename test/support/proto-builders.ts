// Protocol buffers for tests: fields with a length, maps of texts, and their reading on the other side.

/** A field of text or of bytes, such as a message inside of a message. */
export function protoText(number: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

export function protoMap(number: number, entries: Readonly<Record<string, string>>): Buffer {
  return protoMessage(
    ...Object.entries(entries).map(([key, value]) =>
      protoText(number, protoMessage(protoText(1, key), protoText(2, value))),
    ),
  );
}

export function protoMessage(...fields: readonly Buffer[]): Buffer {
  return Buffer.concat(fields);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}
