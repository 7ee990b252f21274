// Logs without a terminal come in frames of an 8-byte header (stream, three zeros, length) and that many bytes.

/** The payload of a complete log answer, standard output and error in the order they came; raw (TTY) logs unchanged. */
export function demultiplex(data: Buffer): Buffer {
  const parts: Buffer[] = [];
  let offset = 0;
  while (offset < data.length) {
    if (!isFrameHeader(data, offset)) return offset === 0 ? data : Buffer.concat(parts);
    const length = data.readUInt32BE(offset + 4);
    parts.push(data.subarray(offset + 8, offset + 8 + length));
    offset += 8 + length;
  }
  return Buffer.concat(parts);
}

function isFrameHeader(data: Buffer, offset: number): boolean {
  return (
    data.length >= offset + 8 &&
    (data[offset] ?? 255) <= 2 &&
    data[offset + 1] === 0 &&
    data[offset + 2] === 0 &&
    data[offset + 3] === 0
  );
}
