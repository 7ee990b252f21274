// What protects stored objects from whoever gave them and whoever reads them.

/** A deep copy as JSON would carry it: what is stored must not change when the caller's object does. */
export function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T; // the value is JSON already, so the copy has its type
}

/** Readers share the stored objects; freezing turns a forgotten copy into an error at once. */
export function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.values(value).forEach(freeze);
    Object.freeze(value);
  }
  return value;
}
