import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Event } from "../src/events.js";
import { Line, type LineState } from "../src/line.js";

/** A server whose connections the test ends as it likes. */
class Server {
  readonly asked: string[] = [];
  private bodies: ReadableStreamDefaultController<Uint8Array>[] = [];
  status = 200;

  readonly fetch = ((url: string, init?: RequestInit) => {
    this.asked.push(url);
    if (this.status !== 200) return Promise.resolve(new Response(null, { status: this.status }));
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.bodies.push(controller);
        init?.signal?.addEventListener("abort", () => controller.error(new Error("aborted")));
      },
    });
    return Promise.resolve(new Response(body));
  }) as typeof fetch;

  write(text: string): void {
    this.bodies.at(-1)?.enqueue(new TextEncoder().encode(text));
  }

  end(): void {
    this.bodies.at(-1)?.close();
  }
}

function open(server: Server) {
  const events: Event[] = [];
  const states: LineState[] = [];
  const hear = (event: Event) => events.push(event);
  const show = (state: LineState) => states.push(state);
  const line = new Line({ url: "/stream", from: "5-1", hear, show, fetch: server.fetch });
  line.reopen();
  return { line, events, states };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

describe("a line", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("goes on behind what it has when it is cut", async () => {
    const server = new Server();
    const { events, line } = open(server);
    await settle();
    server.write("id: 6-1\ndata: one\n\nid: 7-1\nda");
    await settle();
    server.end();
    await vi.advanceTimersByTimeAsync(1000);
    server.write("id: 7-1\ndata: two\n\n");
    await settle();
    expect(server.asked).toEqual(["/stream?last_event_id=5-1", "/stream?last_event_id=6-1"]);
    expect(events.map((event) => event.data)).toEqual(["one", "two"]);
    line.close();
  });

  it("that says nothing any more is given up for another", async () => {
    const server = new Server();
    const { states, line } = open(server);
    await settle();
    server.write(": connected\n\n");
    await vi.advanceTimersByTimeAsync(34_000);
    server.write(": still there\n\n");
    await vi.advanceTimersByTimeAsync(34_000);
    expect(server.asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(server.asked.length).toBeGreaterThan(1);
    expect(states).toContain("away");
    line.close();
  });

  it("asks a server that is away again, and ends when the session has ended", async () => {
    const server = new Server();
    server.status = 503;
    const { states } = open(server);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.asked.length).toBeGreaterThan(3);
    expect(server.asked.length).toBeLessThan(20);
    server.status = 401;
    await vi.advanceTimersByTimeAsync(20_000);
    const asked = server.asked.length;
    expect(states.at(-1)).toBe("over");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.asked).toHaveLength(asked);
  });
});
