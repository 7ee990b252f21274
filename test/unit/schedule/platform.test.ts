// Which engines run which platforms.
import t from 'tap';
import { parsePlatform, runsPlatform } from '../../../controller/schedule/platform.js';

void t.test('parsePlatform() reads what clients send', (t) => {
  const rows = [
    ['linux/arm64', { os: 'linux', arch: 'arm64' }],
    ['linux/arm/v7', { os: 'linux', arch: 'arm' }],
    ['Linux/AArch64', { os: 'linux', arch: 'arm64' }],
    ['linux/x86_64', { os: 'linux', arch: 'amd64' }],
    ['arm64', { os: '', arch: 'arm64' }],
    ['windows', { os: 'windows', arch: '' }],
    ['linux/', undefined],
    ['', undefined],
    ['a/b/c/d', undefined],
  ] as const;
  for (const [text, platform] of rows) t.same(parsePlatform(text), platform, text);
  t.end();
});

void t.test('runsPlatform() compares system and processor, by any of their names', (t) => {
  const rows = [
    ['linux/amd64', '', 'linux/amd64', true],
    ['linux/x86_64', '', 'linux/amd64', true],
    ['linux/amd64', '', 'linux/arm64', false],
    ['linux/amd64', '', 'linux/386', true],
    ['linux/386', '', 'linux/amd64', false],
    ['linux/aarch64', '', 'linux/arm/v7', true],
    ['linux/amd64', '', 'windows/amd64', false],
    ['linux/amd64', '', 'linux', true],
    ['linux/amd64', 'linux/arm64,linux/riscv64', 'linux/arm64', true],
    ['linux/amd64', 'arm64', 'linux/arm64', true],
    ['linux/amd64', 'linux/arm64', 'linux/s390x', false],
    ['/', '', 'linux/arm64', true],
    ['linux/', '', 'linux/arm64', true],
  ] as const;
  for (const [platform, platforms, text, runs] of rows) {
    const wanted = parsePlatform(text);
    t.ok(wanted, text);
    const labels: Record<string, string> = platforms === '' ? {} : { platforms };
    if (wanted !== undefined)
      t.equal(runsPlatform({ platform, labels }, wanted), runs, `${text} on ${platform} ${platforms}`);
  }
  t.end();
});
