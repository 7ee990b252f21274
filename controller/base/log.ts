// Structured log lines in the logrus text form that classic swarm printed: time="…" level=info msg="…" k=v.
// Control characters are escaped, so no value can forge a line.
import type { Clock } from './clock.js';

export const logLevels = ['debug', 'info', 'warn', 'error', 'fatal', 'panic'] as const;
export type LogLevel = (typeof logLevels)[number];

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose every line also carries `fields`. */
  with(fields: LogFields): Logger;
}

export interface LoggerOptions {
  readonly clock: Clock;
  /** Lines below this level are dropped. Default `info`. */
  readonly level?: LogLevel;
  /** Receives each line, newline included. */
  readonly write: (line: string) => void;
  readonly fields?: LogFields;
  /** `text` (logrus form, default) or one `json` object per line. */
  readonly format?: 'text' | 'json';
}

export function createLogger(options: LoggerOptions): Logger {
  const threshold = logLevels.indexOf(options.level ?? 'info');
  const own = options.fields ?? {};
  const emit = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    if (logLevels.indexOf(level) < threshold) return;
    const time = new Date(options.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const all = { ...own, ...fields };
    options.write(
      options.format === 'json'
        ? `${JSON.stringify({ time, level, msg: message, ...all })}\n`
        : formatTextLine({ time, level: level === 'warn' ? 'warning' : level, message, fields: all }),
    );
  };
  return {
    debug: (message, fields) => emit('debug', message, fields),
    info: (message, fields) => emit('info', message, fields),
    warn: (message, fields) => emit('warn', message, fields),
    error: (message, fields) => emit('error', message, fields),
    with: (fields) => createLogger({ ...options, fields: { ...own, ...fields } }),
  };
}

/** A logger that drops everything. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silentLogger,
};

function formatTextLine(line: { time: string; level: string; message: string; fields: LogFields }): string {
  const pairs = Object.entries(line.fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${quoteIfNeeded(String(value))}`);
  return `time=${JSON.stringify(line.time)} level=${line.level} msg=${JSON.stringify(line.message)}${pairs.join('')}\n`;
}

function quoteIfNeeded(value: string): string {
  return /^[A-Za-z0-9\-._/@^+:]+$/.test(value) ? value : JSON.stringify(value);
}
