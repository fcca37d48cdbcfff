import { Clipboard } from '@jupyterlab/apputils';

/** Put text on the clipboard, also where the page is not served from a place that browsers call secure. */
export async function copyText(text: string): Promise<void> {
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(text);
  } else {
    Clipboard.copyToSystem(text);
  }
}
