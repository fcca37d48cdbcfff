import type { IContext } from '../ui/section';

/** What the parts of a page have in common. */
export interface IPageContext extends IContext {
  /** Show the page of the fleet. */
  openFleet: () => void;
}
