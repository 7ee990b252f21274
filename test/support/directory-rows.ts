// What a directory of manifests does to those who follow it, in the field, and the tests that show that nothing comes of it.
// One row per trap. A test is named by its title, or by the name of the row inside a table of a test.

import { documentRows, type DirectoryRow } from './document-rows.js';

const set = 'unit/source/manifest-set.test.ts';
const look = 'unit/source/directory-source.test.ts';
const safety = 'unit/source/deletion-safety.test.ts';
const stable = 'unit/source/stable-snapshot.test.ts';
const prune = 'unit/source/plan-prune.test.ts';
const read = 'unit/source/read-manifests.test.ts';
const snapshot = 'unit/source/snapshot.test.ts';
const known = 'unit/source/known-files.test.ts';
const silent = 'unit/source/silent-file-system.test.ts';
const writers = 'unit/source/two-writers.test.ts';
const real = 'integration/source/directory-source.test.ts';
const hard = 'integration/source/directory-hardships.test.ts';
const many = 'integration/source/many-changes.test.ts';
const git = 'integration/source/git-source.test.ts';
const approve = 'integration/apiserver/approve.test.ts';
const story = 'unit/reconcile/manifest-condition.test.ts';

const editors = 'DirectorySource is not disturbed by what vim, emacs, nano and rsync leave beside a file';
const saves = 'DirectorySource sees how editors save: in place, by rename, with a backup, truncated first';
const gone =
  'DirectorySource deletes nothing because of a missing, unreadable, emptied or replaced directory';

export const directoryRows: Readonly<Record<string, readonly DirectoryRow[]>> = {
  'events are a doorbell': [
    { trap: 'a file saved by vim, emacs or nano', tests: { [hard]: [editors], [real]: [saves] } },
    { trap: 'rsync: temporary file and rename, kept times, in place', tests: { [hard]: [editors] } },
    {
      trap: 'unlinked and made again after a while',
      tests: {
        [safety]: ['DirectorySource deletes nothing when a file comes back in time, or the object moved'],
        [real]: [saves],
      },
    },
    {
      trap: 'truncated, a pause, the rest',
      tests: {
        [real]: [saves],
        [stable]: [
          'StableSnapshots waits for the rest of a file that was written just now and has no last line end',
        ],
        [hard]: [
          'takeSnapshot() tells a file that was written just now without a last line end from an older one',
        ],
        [safety]: ['DirectorySource takes a file that is suddenly empty for one that was cut off'],
      },
    },
    {
      trap: '..data of a mounted ConfigMap is switched',
      tests: { [real]: ['DirectorySource reads a mounted ConfigMap once and follows its ..data link'] },
    },
    {
      trap: 'the directory is a link that git-sync switches, again and again, with edits behind it',
      tests: {
        [real]: ['DirectorySource follows a link that is switched, as git-sync does, and edits behind it'],
      },
    },
    {
      trap: 'the directory is missing at the start, or removed and made again',
      tests: {
        [real]: [
          'DirectorySource survives that its directory is missing, appears, is removed and made again',
        ],
        [look]: ['DirectorySource watches anew when the directory appears or is replaced'],
        [snapshot]: ['takeSnapshot() does not believe a look during which something changed'],
      },
    },
    {
      trap: 'the right to read a file or the directory is lost and comes back',
      tests: {
        [hard]: ['DirectorySource keeps the objects of files and roots that it may not read any more'],
      },
    },
    {
      trap: 'other bytes with the same size and time',
      tests: {
        [real]: [
          'DirectorySource finds changed content by its periodic look when time and size did not change',
        ],
        [read]: ['takeSnapshot() sees every change of a file that it has read before'],
        [known]: ['set() does not remember a file that was changed just now'],
      },
    },
    {
      trap: 'something changes between two looks, or during one',
      tests: {
        [stable]: ['StableSnapshots needs two equal looks, 100 ms apart'],
        [snapshot]: [
          'takeSnapshot() does not believe a look during which something changed',
          'takeSnapshot() tells looks apart between which only git moved',
          'readFileWhole() does not believe a file that changed while it was read',
        ],
      },
    },
    {
      trap: 'links in circles, pipes, folders with names of files, broken links',
      tests: {
        [real]: [
          'DirectorySource is not led astray by links in circles, pipes, folders with file names and broken links',
        ],
        [read]: ['readManifests() reads each real file once, and ends in circles of links'],
      },
    },
    {
      trap: 'a git checkout of many files, which removes first and writes later',
      tests: { [many]: ['DirectorySource follows git: checkouts of many files, and branches'] },
    },
    {
      trap: 'a rebase that stops at a conflict',
      tests: {
        [many]: ['DirectorySource follows a rebase with its conflict, and deletes nothing on the way'],
        [git]: ['GitSource follows a branch whose history was written anew'],
      },
    },
    {
      trap: 'git is at work, or was killed and left its lock',
      tests: {
        [real]: ['DirectorySource waits while git holds its lock'],
        [stable]: [
          'StableSnapshots waits while git is at work, and looks anew afterwards',
          'StableSnapshots does not compare a look after git was at work with one before',
          'StableSnapshots does not wait longer than 30 s for git, and not again for the same marker',
        ],
        [snapshot]: ['findGitActivity() knows the marker of everything that git does to a work tree'],
      },
    },
    {
      trap: 'many writes in a row',
      tests: {
        [hard]: ['DirectorySource ends with the last of many quick writes'],
        [look]: ['DirectorySource looks once more when something changed while it wrote what it had found'],
        [stable]: ['Debounce answers after 250 ms of quiet, under a storm after 5 s'],
      },
    },
    {
      trap: 'a directory that never rests',
      tests: {
        [stable]: ['StableSnapshots gives up on a directory that never rests'],
        [look]: ['DirectorySource applies nothing of a directory that never rests, and looks again soon'],
      },
    },
    {
      trap: 'large trees of other things: watches are spent on manifests and folders alone',
      tests: {
        [hard]: ['DirectorySource watches manifests and folders, and nothing else of a large tree'],
        [real]: ['DirectorySource sees new folders and files in them'],
      },
    },
    {
      trap: 'the kernel gives no more watches',
      tests: {
        [hard]: ['DirectorySource goes on by looking when the kernel gives no more watches'],
        [look]: ['DirectorySource looks every 10 s when it cannot watch'],
      },
    },
    {
      trap: 'events are lost',
      tests: {
        [look]: ['DirectorySource looks again every minute, also without any event'],
        [many]: ['DirectorySource property: after any changes of files it holds what one full read finds'],
      },
    },
    {
      trap: 'a file system that does not tell of changes made elsewhere',
      tests: {
        [silent]: ['silentFileSystem() knows file systems that are shared over a network or with a host'],
        [hard]: ['watchDirectory() says that changes made elsewhere are not told, and rings for the others'],
      },
    },
    {
      trap: 'following must not write',
      tests: { [hard]: ['DirectorySource never writes into the directory'] },
    },
  ],
  'nothing is deleted that nobody meant to delete': [
    {
      trap: 'a file that cannot be read, parsed or used keeps its last good objects, and they say so',
      tests: {
        [set]: ['ManifestSet keeps the last good objects of a file that is broken, unreadable or invalid'],
        [safety]: [
          'DirectorySource keeps the last good version of a broken file, and says where it is broken',
          'DirectorySource says of an object of a file that was faulty before it started why it is as it is',
        ],
        [story]: ['manifestCondition() says whose version is in effect, and where the other one is'],
      },
    },
    {
      trap: 'deleting needs a stable look in which every file was good, twice',
      tests: {
        [safety]: [
          'DirectorySource deletes an object only 30 s after its file has gone',
          'DirectorySource deletes nothing while any file cannot be used',
          'DirectorySource deletes nothing after a start with a file that cannot be used',
          'DirectorySource forgets how long a manifest was gone once a file cannot be used',
        ],
        [prune]: ['planPrune() waits until a key was seen missing in two looks that are far enough apart'],
        [real]: ['DirectorySource prunes for real, one node of several'],
      },
    },
    {
      trap: 'an empty, missing or unreadable directory',
      tests: {
        [safety]: [
          gone,
          'DirectorySource forgets how long a manifest was gone when the directory was missing or replaced',
        ],
        [prune]: ['planPrune() holds back what looks like an accident'],
        [hard]: ['DirectorySource keeps the objects of files and roots that it may not read any more'],
      },
    },
    {
      trap: 'another file system in the place of the directory',
      tests: {
        [safety]: [
          'DirectorySource deletes nothing on another file system until it is approved, or all is there',
        ],
        [hard]: ['DirectorySource deletes nothing when another file system is in the place of the directory'],
      },
    },
    {
      trap: 'more than 30 % of a kind, or a Cluster: waits for swarmctl approve, which shows it',
      tests: {
        [prune]: [
          'planPrune() holds back what looks like an accident',
          'planPrune() lets approved objects go, and they do not count for the others',
          'planPrune() keeps holding what was held before, however few are left',
        ],
        [safety]: ['DirectorySource holds a mass deletion, says how to approve it, and obeys'],
        [git]: ['GitSource holds back what would delete most of the fleet, though the commit is valid'],
        [approve]: ['approve shows what waits and why, and lets go what is named'],
      },
    },
    {
      trap: 'switches: per object, and for the directory',
      tests: {
        [prune]: ['planPrune() never prunes an object that asks not to be, approved or not'],
        [approve]: ['--no-prune keeps what even one edit removes, until it is approved'],
      },
    },
    {
      trap: 'only what came from this directory is deleted',
      tests: {
        [safety]: ['DirectorySource holds objects that came from another directory'],
        [writers]: [
          'DirectorySource with takeOver never deletes objects of the API, and takes over those it describes',
        ],
      },
    },
    {
      trap: 'deletions come last',
      tests: { [safety]: ['DirectorySource deletes nothing before everything else is written'] },
    },
    {
      trap: 'cleaning up when the manifest is gone',
      tests: { [safety]: ['DirectorySource lets the API delete an object whose manifest is gone'] },
    },
    {
      trap: 'an object that moves to another file is not deleted',
      tests: {
        [safety]: ['DirectorySource deletes nothing when a file comes back in time, or the object moved'],
        [set]: ['ManifestSet takes an object that moved to another file from there'],
      },
    },
  ],
  documents: documentRows,
  'two writers': [
    {
      trap: 'a file describes an object of the API',
      tests: {
        [writers]: [
          'DirectorySource does not touch an object of the API until its manifest says that it may',
        ],
      },
    },
    {
      trap: 'the API changes or takes over an object of a file',
      tests: {
        [writers]: [
          'DirectorySource leaves an object alone that the API has taken over, until its manifest is gone',
        ],
        'unit/apiserver/take-over.test.ts': [
          'taking over an object of a manifest file is explicit, by parameter or annotation, and done once',
          'an object whose manifest claims it cannot be taken over',
        ],
        'unit/apiserver/router.test.ts': ['an object from a manifest file is read-only and names its place'],
        'unit/store/store.test.ts': [
          'Store keeps spec and deletion of an object from a file out of reach of the API',
          'Store lets the API take over an object of a file, with everything the file says',
        ],
        'integration/apiserver/swarmctl.test.ts': [
          'apply --take-over owns an object of a manifest file from then on',
        ],
      },
    },
  ],
};
