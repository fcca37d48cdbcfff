import type { EdgeClient } from './client';
import type { IPublish } from './types';

export type CommandName = 'docker' | 'compose' | 'helm' | 'serve';

/** What runs a publish, as text to paste; with the bundle of an edge where the publish was answered with one. */
export function commandsOf(client: EdgeClient, publish: IPublish): Promise<Record<CommandName, string>> {
  return client.own('commands', { publish });
}
