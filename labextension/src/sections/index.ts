import { withCode } from '../files/codeActions';
import type { IContext, ISection } from '../ui/section';
import { activity } from './activity';
import { edges } from './edges';
import { log } from './log';
import { models } from './models';
import { pipelines } from './pipelines';
import { publishes } from './publishes';
import { workspaces } from './workspaces';

/** Something that takes a section of whatever rows. */
export type EachSection = <T>(section: ISection<T>) => void;

/** Hand over each section, in the order of the panel. */
export function forEachSection(context: IContext, take: EachSection): void {
  take(workspaces(context));
  take(withCode(context, 'models', models(context)));
  take(withCode(context, 'pipelines', pipelines(context)));
  take(withCode(context, 'publishes', publishes(context)));
  take(withCode(context, 'edges', edges(context)));
  take(activity(context));
  take(log(context));
}
