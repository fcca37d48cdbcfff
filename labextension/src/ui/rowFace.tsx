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
      <div className="jp-Edge-second">
        {face.progress === undefined ? (
          <span className="jp-Edge-subtitle">{face.subtitle}</span>
        ) : (
          <>
            <progress className="jp-Edge-progress" value={face.progress} max={1} aria-label={face.title} />
            <span className="jp-Edge-subtitle">{face.subtitle}</span>
          </>
        )}
        {face.aside && <span className="jp-Edge-aside">{face.aside}</span>}
      </div>
    </div>
  );
}
