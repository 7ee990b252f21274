// What the documents of manifest files do to those who read them, and the tests that show that nothing comes of it.
export interface DirectoryRow {
  readonly trap: string;
  /** Test files below test/, and titles in them. */
  readonly tests: Readonly<Record<string, readonly string[]>>;
}

const parse = 'unit/source/parse-manifest.test.ts';
const set = 'unit/source/manifest-set.test.ts';
const look = 'unit/source/directory-source.test.ts';
const read = 'unit/source/read-manifests.test.ts';
const real = 'integration/source/directory-source.test.ts';
const hard = 'integration/source/directory-hardships.test.ts';
const aside = 'integration/source/parse-aside.test.ts';
const editors = 'DirectorySource is not disturbed by what vim, emacs, nano and rsync leave beside a file';
const traps = 'parseManifest() refuses each trap of YAML with its place';

export const documentRows: readonly DirectoryRow[] = [
  {
    trap: 'several documents, empty ones, comments, a trailing ---',
    tests: {
      [parse]: [
        'parseManifest() reads all documents of a file with their places',
        'parseManifest() takes empty documents, comments and a trailing --- as no objects',
      ],
    },
  },
  {
    trap: 'an error in one document of several',
    tests: {
      [parse]: ['parseManifest() reports the problems of all documents at once and uses nothing of the file'],
    },
  },
  {
    trap: 'duplicates across files, and in one',
    tests: {
      [set]: ['ManifestSet reports a duplicate in both files and keeps what was accepted before'],
      [parse]: ['parseManifest() reports an object that is defined twice at both places'],
      [real]: [
        'DirectorySource is not led astray by links in circles, pipes, folders with file names and broken links',
      ],
    },
  },
  {
    trap: 'words and numbers of YAML 1.1',
    tests: {
      [parse]: [
        'parseManifest() refuses plain words that YAML 1.1 reads in another way, and takes them in quotes',
        '%YAML 1.1',
        'yes, which is text in YAML 1.2',
      ],
    },
  },
  {
    trap: 'numbers that become others',
    tests: {
      [parse]: [
        traps,
        'an integer that is not exact',
        'a git hash that looks like a number',
        'a number of thirty digits',
        'a version that is a number',
        'infinity',
        'not a number',
      ],
    },
  },
  { trap: 'duplicate keys', tests: { [parse]: ['a duplicate key', 'a duplicate key in JSON'] } },
  {
    trap: 'quadratic time: bounded time and memory while the loop keeps running',
    tests: {
      [aside]: [
        'ParseThread.parse() ends every hostile megabyte while the loop keeps running',
        'ManifestSet keeps the last good objects of a file that is given up, and tries it again',
      ],
      [parse]: [
        'parseManifest() refuses a large file and a large map before they cost time',
        'parseManifest() reports a file of nothing but mistakes without running out of stack',
      ],
    },
  },
  {
    trap: 'alias bombs and circles',
    tests: {
      [parse]: [
        'an alias bomb',
        'many plain reuses of an anchor',
        'nested reuse below the limit of aliases',
        'an alias inside its own anchor',
        'an alias to nothing',
      ],
    },
  },
  { trap: 'depth', tests: { [parse]: ['depth', 'a nest of 70 lists'] } },
  { trap: 'merge keys', tests: { [parse]: ['a merge key'] } },
  {
    trap: 'tags',
    tests: { [parse]: ['an unknown tag', 'a function tag', 'a binary tag', 'a set tag'] },
  },
  { trap: 'keys that are no text', tests: { [parse]: ['a map as a key', 'true for an annotation'] } },
  { trap: '__proto__', tests: { [parse]: ['the key __proto__'] } },
  { trap: 'tabs', tests: { [parse]: ['a tab as indentation'] } },
  {
    trap: 'BOM, CRLF, ..., NUL, what is not UTF-8',
    tests: {
      [parse]: [
        'parseManifest() reads JSON, CRLF line ends and a byte order mark',
        'parseManifest() accepts what only looks like a trap',
        'a zero byte',
      ],
      [read]: ['readManifests() uses the good files and names the problems of the others'],
    },
  },
  {
    trap: 'file, line and column of every object and problem',
    tests: {
      [parse]: [
        'parseManifest() points at the value, the key, or the closest parent',
        'parseManifest() property: any text gives objects or problems, and places inside the file',
      ],
      [look]: ['DirectorySource.start() resolves with every object in the store, owned by its file'],
    },
  },
  {
    trap: 'JSON',
    tests: { [parse]: ['parseManifest() reads JSON, CRLF line ends and a byte order mark'] },
  },
  {
    trap: 'names of files that are not manifests',
    tests: {
      [hard]: [editors],
      [read]: ['readManifests() reads the manifests of a directory in the order of their names'],
      [look]: ['DirectorySource says once that it does not build kustomizations'],
    },
  },
  { trap: 'secrets', tests: { [parse]: ['a private key'] } },
];
