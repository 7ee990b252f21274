// The few files of /etc and the directories that programs expect in any Linux image.
import { textFile, type LayerEntry } from './layer-entry.js';

/** Users, groups, name resolution, and an open /tmp. `/etc/hosts` and `/etc/resolv.conf` are the engine's. */
export function systemFiles({ shell }: { readonly shell: string }): readonly LayerEntry[] {
  return [
    textFile(
      '/etc/passwd',
      `root:x:0:0:root:/root:${shell}\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n`,
    ),
    textFile('/etc/group', 'root:x:0:\nnogroup:x:65534:\n'),
    textFile('/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
    { type: 'directory', path: '/root', mode: 0o700 },
    { type: 'directory', path: '/tmp', mode: 0o1777 },
  ];
}
