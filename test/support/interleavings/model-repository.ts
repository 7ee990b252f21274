// The branch of the model as the operator's own git source sees it: no git, no files, the same promises.
import { SwarmError } from '../../../controller/base/errors.js';
import { GitRepository, type Commit } from '../../../controller/source/git-repository.js';
import { root, type ModelDirectory } from './model-directory.js';

export const checkouts = '/checkouts/';

export class ModelRepository extends GitRepository {
  readonly #directory: ModelDirectory;

  constructor(directory: ModelDirectory) {
    super({
      ...{ directory: '/git', url: 'https://git.example/fleet', branch: 'main', path: '.' },
      git: () => Promise.reject(new Error('the model has no git')),
    });
    this.#directory = directory;
  }

  override get current(): string {
    return root;
  }

  override open(): Promise<void> {
    return Promise.resolve();
  }

  override inForce(): Promise<string | undefined> {
    return Promise.resolve(this.#directory.inForce);
  }

  override fetch(): Promise<string> {
    const { state } = this.#directory;
    return state === 'there'
      ? Promise.resolve(this.#directory.commit())
      : Promise.reject(new SwarmError('GIT_FAILED', `Cannot fetch "main": the remote is ${state}`));
  }

  override describe(id: string): Promise<Commit> {
    return Promise.resolve({
      id,
      author: 'Ann <ann@example.org>',
      time: '2026-01-01T00:00:00Z',
      subject: id,
    });
  }

  override signatureProblem(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  override checkOut(id: string): ReturnType<GitRepository['checkOut']> {
    return Promise.resolve({ directory: `${checkouts}${id}`, problems: [] });
  }

  override async switchTo(id: string): Promise<void> {
    await Promise.resolve();
    this.#directory.switchTo(id);
  }
}
