import * as React from 'react';

import type { IRowFace } from './section';

/** What a row shows while it is closed. */
export function RowFace({ face }: { face: IRowFace }): React.JSX.Element {
  return (
    <div className="jp-Edge-face">
      <div className="jp-Edge-first">
        {face.tone && <span className={`jp-Edge-mark jp-mod-${face.tone}`} aria-hidden="true" />}
        <span className="jp-Edge-title" title={face.title}>
          {face.title}
        </span>
        {face.state && <span className="jp-Edge-state">{face.state}</span>}
      </div>
      <div className={`jp-Edge-second ${face.tone ? 'jp-mod-marked' : ''}`}>
        {face.progress === undefined ? (
          <Subtitle>{face.subtitle}</Subtitle>
        ) : (
          <>
            <progress className="jp-Edge-progress" value={face.progress} max={1} aria-label={face.title} />
            <Subtitle>{face.subtitle}</Subtitle>
          </>
        )}
        {face.aside && <span className="jp-Edge-aside">{face.aside}</span>}
      </div>
    </div>
  );
}

/** Text that may be cut off, and is whole in a tooltip. */
function Subtitle({ children }: { children: React.ReactNode }): React.JSX.Element {
  return (
    <span className="jp-Edge-subtitle" title={typeof children === 'string' ? children : undefined}>
      {children}
    </span>
  );
}
