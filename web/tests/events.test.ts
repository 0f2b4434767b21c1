import { describe, expect, it } from "vitest";
import { type Event, EventReader } from "../src/events.js";

const BODY = 'retry: 100\n: connected\n\nid: 7-1\ndata: {"type":"start"}\n\n: still there\n\nid: 8-1\r\ndata: año 🚗\r\ndata: two\r\n\r\n';
const WHOLE: Event[] = [
  { id: "7-1", data: '{"type":"start"}' },
  { id: "8-1", data: "año 🚗\ntwo" },
];

describe("events", () => {
  it("are the same wherever the body was cut", () => {
    const read = (pieces: string[]) => {
      const events: Event[] = [];
      const reader = new EventReader((event) => events.push(event));
      for (const piece of pieces) reader.push(piece);
      return events;
    };
    expect(read([BODY])).toEqual(WHOLE);
    expect(read([...BODY])).toEqual(WHOLE);
    for (let cut = 0; cut <= BODY.length; cut += 1) {
      expect(read([BODY.slice(0, cut), BODY.slice(cut)])).toEqual(WHOLE);
    }
  });
});
