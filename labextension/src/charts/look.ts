import * as React from 'react';

/** The name of the theme, so that what is drawn in its colours is drawn anew once it changes. */
export const Look = React.createContext('');

/** Return what a variable of the theme is now: a canvas knows no variables. */
export function themed(variable: string): string {
  return getComputedStyle(document.body).getPropertyValue(variable).trim();
}
