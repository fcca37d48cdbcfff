import { Clipboard } from '@jupyterlab/apputils';

/** Put text on the clipboard, also where the page may not use it by itself, or is not what browsers call secure. */
export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    Clipboard.copyToSystem(text);
  }
}
