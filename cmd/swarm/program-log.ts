// The program's log on stdout: logrus text lines, or the short form when stdout is a terminal.
import {
  createLogger,
  logLevels,
  type LogFields,
  type LogLevel,
  type Logger,
} from '../../controller/base/log.js';
import type { ProgramEnvironment } from './program-environment.js';

type LogTarget = Pick<ProgramEnvironment, 'clock' | 'stdout' | 'isTty'>;

export function createProgramLogger(target: LogTarget, level: LogLevel): Logger {
  if (!target.isTty) return createLogger({ clock: target.clock, level, write: target.stdout });
  return terminalLogger({ target, level, startedAtMs: target.clock.monotonic(), fields: {} });
}

/** Writes the line of an error that ends the program. */
export function logFatal(target: LogTarget, message: string, fields: LogFields = {}): void {
  if (target.isTty) {
    target.stdout(terminalLine({ level: 'fatal', seconds: 0, message, fields }));
    return;
  }
  const write = (line: string): void => target.stdout(line.replace(' level=error ', ' level=fatal '));
  createLogger({ clock: target.clock, write }).error(message, fields);
}

/** Parses `--log-level`. @returns undefined when there is no such level */
export function parseLogLevel(text: string): LogLevel | undefined {
  const wanted = text.toLowerCase() === 'warning' ? 'warn' : text.toLowerCase();
  return logLevels.find((level) => level === wanted);
}

interface TerminalLogger {
  readonly target: LogTarget;
  readonly level: LogLevel;
  readonly startedAtMs: number;
  readonly fields: LogFields;
}

function terminalLogger(options: TerminalLogger): Logger {
  const { target, startedAtMs } = options;
  const threshold = logLevels.indexOf(options.level);
  const emit = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    if (logLevels.indexOf(level) < threshold) return;
    const seconds = Math.floor((target.clock.monotonic() - startedAtMs) / 1000);
    target.stdout(terminalLine({ level, seconds, message, fields: { ...options.fields, ...fields } }));
  };
  return {
    debug: (message, fields) => emit('debug', message, fields),
    info: (message, fields) => emit('info', message, fields),
    warn: (message, fields) => emit('warn', message, fields),
    error: (message, fields) => emit('error', message, fields),
    with: (fields) => terminalLogger({ ...options, fields: { ...options.fields, ...fields } }),
  };
}

function terminalLine(line: {
  readonly level: LogLevel;
  readonly seconds: number;
  readonly message: string;
  readonly fields: LogFields;
}): string {
  const pairs = Object.entries(line.fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${printable(String(value))}`);
  const head = `${line.level.slice(0, 4).toUpperCase()}[${String(line.seconds).padStart(4, '0')}]`;
  const text = pairs.length === 0 ? printable(line.message) : printable(line.message).padEnd(44);
  return `${head} ${text}${pairs.join('')}\n`;
}

/** Control characters would let a name from the network move the cursor. */
function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, (char) => JSON.stringify(char).slice(1, -1));
}
