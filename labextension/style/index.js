import 'uplot/dist/uPlot.min.css';
import './panel.css';
import './rows.css';
import './notes.css';
import './pages.css';
import './charts.css';
import './files.css';
