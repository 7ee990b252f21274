// What `swarmctl doctor` prints: by subject, what is wrong with its remedy, and how much is fine.
import type { Finding, Level } from '../../../controller/reconcile/diagnosis.js';

/** @param o.isVerbose also each finding that is ok */
export function formatFindings(findings: readonly Finding[], o: { readonly isVerbose: boolean }): string {
  const isShown = ({ level }: Finding): boolean => o.isVerbose || level !== 'ok';
  const shown = findings.filter(isShown);
  const width = Math.max(0, ...shown.map(({ code }) => code.length));
  const subjects = [...new Set(findings.map(({ subject }) => subject))];
  return subjects
    .map((subject) => {
      const own = findings.filter((one) => one.subject === subject);
      const lines = own.filter(isShown).map(({ level, code, message, remedy }) => {
        const line = `  ${level.padEnd(4)}  ${code.padEnd(width)}  ${message}\n`;
        return remedy === undefined ? line : `${line}  ${' '.repeat(width + 8)}→ ${remedy}\n`;
      });
      return `${subject}: ${countText(own)}\n${lines.join('')}`;
    })
    .join('');
}

/** `6 of 7 checks ok`. */
function countText(own: readonly Finding[]): string {
  const ok = countOf(own, 'ok');
  const checks = own.length === 1 ? 'check' : 'checks';
  return ok === own.length ? `${ok} ${checks} ok` : `${ok} of ${own.length} ${checks} ok`;
}

/** `25 ok, 1 warn, 2 fail`. */
export function summarizeFindings(findings: readonly Finding[]): string {
  return `${countOf(findings, 'ok')} ok, ${countOf(findings, 'warn')} warn, ${countOf(findings, 'fail')} fail`;
}

function countOf(findings: readonly Finding[], level: Level): number {
  return findings.filter((one) => one.level === level).length;
}
