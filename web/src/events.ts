/** Server-sent events out of a body that comes in pieces (https://html.spec.whatwg.org/multipage/server-sent-events.html). */

export interface Event {
  id: string;
  data: string;
}

/**
 * Reads one connection. The browser's own EventSource hides the comments that show that a line is alive, and gives up for good at the
 * first 503; a phone in a lift has both.
 */
export class EventReader {
  private text = "";
  private id = "";
  private data: string[] = [];

  constructor(private readonly tell: (event: Event) => void) {}

  push(piece: string): void {
    this.text += piece;
    for (;;) {
      const end = this.text.search(/\r\n|\n|\r(?!$)/);
      if (end < 0) return;
      const line = this.text.slice(0, end);
      this.text = this.text.slice(end + (this.text.startsWith("\r\n", end) ? 2 : 1));
      this.take(line);
    }
  }

  private take(line: string): void {
    if (line === "") {
      if (this.data.length > 0) this.tell({ id: this.id, data: this.data.join("\n") });
      this.data = [];
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.data.push(value);
    if (field === "id") this.id = value;
  }
}
