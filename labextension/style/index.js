import './panel.css';
import './rows.css';
import './notes.css';
