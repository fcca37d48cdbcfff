import cells from './plugins/cells';
import files from './plugins/files';
import launcher from './plugins/launcher';
import pages from './plugins/pages';
import panel from './plugins/panel';
import status from './plugins/status';

export default [panel, pages, files, cells, launcher, status];
