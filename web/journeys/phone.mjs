// A phone with a real Chromium, and whoever started this beside it: a journey asks them for what no page can do (kill a replica, take the
// network away), one line out for one line in.

import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const PATIENCE_MS = 30_000;
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Asks whoever started the journey for something, and waits until it is done. Answers with what they say. */
export async function ask(what) {
  process.stdout.write(`${JSON.stringify({ ask: what })}\n`);
  const { value } = await answers.next();
  return JSON.parse(value ?? "null");
}

/** A page with the conversation of this link open, as on a phone, in a browser of its own. */
export async function open(link, options = {}) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await visit(context, link);
  return { browser, context, page };
}

/** Another tab. What the page complains of in its console fails the journey. */
export async function visit(context, link) {
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => {
    const isOurs = message.type() === "error" && !message.text().includes("Failed to load resource") && !message.text().includes("net::ERR_");
    if (isOurs) page.complaints.push(message.text());
  });
  await page.goto(link);
  return page;
}

export async function say(page, words) {
  await page.getByRole("textbox").fill(words);
  await page.getByRole("textbox").press("Enter");
}

/** The words of every turn, in their order, with who said it. */
export function turns(page) {
  return page.locator("ol > li").evaluateAll((items) =>
    items.map((item) => [item.className, item.querySelector(".words")?.textContent ?? ""]),
  );
}

/** Waits until the page shows so many turns and none is on its way. */
export async function settled(page, count) {
  await page.waitForFunction(
    (count) =>
      document.querySelectorAll("ol > li").length === count &&
      !document.querySelector(".unsent, li[aria-busy=true]") &&
      !document.querySelector(".status.typing"),
    count,
  );
}

export async function picture(page, name) {
  const folder = process.env.PICTURES;
  if (folder) await page.screenshot({ path: `${folder}/${name}.png` });
}

/** Ends the journey: well, or with what is wrong. */
export async function travel(journey) {
  try {
    await journey(JSON.parse(process.env.JOURNEY ?? "{}"));
    process.stdout.write(`${JSON.stringify({ done: true })}\n`);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error.stack ?? error}\n`);
    process.exit(1);
  }
}
