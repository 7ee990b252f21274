// What to do about a fetch that failed, by what git and ssh say of it.

const rows: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [
    /host key verification failed|host identification has changed|no matching host key/i,
    'Put the key of the git server into known_hosts of this user: ssh-keyscan HOST >> ~/.ssh/known_hosts, and compare it with the one the server publishes',
  ],
  [
    /permission denied \(|too many authentication failures/i,
    'Give this user a deploy key that the git server knows: ssh-keygen -t ed25519, then IdentityFile in ~/.ssh/config',
  ],
  [
    /certificate|ssl|self.signed/i,
    'Let git trust the CA of the server: git config --global http.sslCAInfo FILE, as this user',
  ],
  [
    /could not read (username|password)|authentication failed|\b40[13]\b|invalid credentials|repository .* not found/i,
    'Give git the password or token as this user: git config --global credential.helper store, and the line https://USER:TOKEN@HOST in ~/.git-credentials (0600)',
  ],
  [/couldn't find remote ref/i, 'Name a branch that is there with --branch: git ls-remote URL lists them'],
  [
    /does not appear to be a git repository|does not exist|no such file|not found/i,
    'Check the address given with --git: git ls-remote URL, as this user',
  ],
  [
    /could not resolve|failed to connect|couldn't connect|connection refused|timed out|no route|unreachable|no end after/i,
    'Check that this machine can reach the git server; the last good commit stays in force',
  ],
];

/** Undefined when nothing better is known than to try by hand. */
export function hintForGit(words: string): string | undefined {
  return rows.find(([pattern]) => pattern.test(words))?.[1];
}
