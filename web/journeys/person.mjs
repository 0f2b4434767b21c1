// Somebody of the shop takes the conversation over, the assistant is silent, and it is given back. In Spanish, with the keyboard alone, in
// the dark.

import assert from "node:assert/strict";
import { ask, open, picture, settled, travel, turns } from "./phone.mjs";

await travel(async ({ link }) => {
  const { browser, page } = await open(link, { colorScheme: "dark", locale: "es-US", isMobile: false, hasTouch: false });
  await page.getByText("automated assistant").waitFor();
  // From the top: call, then the other language.
  await page.locator("body").click({ position: { x: 5, y: 300 } });
  await page.getByRole("link", { name: /Call/ }).focus();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByText("asistente automático").waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "es");
  await picture(page, "1-spanish");

  await page.getByRole("textbox").focus();
  await page.keyboard.type("Quiero hablar con una persona");
  await page.keyboard.press("Enter");
  await settled(page, 2);
  await ask("a person joins");
  await page.locator(".status.person").waitFor();
  await settled(page, 3);
  await page.getByRole("textbox").focus();
  await page.keyboard.type("¡Gracias!");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await settled(page, 4);
  await picture(page, "2-person");
  const heard = await page.locator(".heard").textContent();
  assert.match(heard, /Sam/, "a screen reader is told what was said");
  await ask("the person gives it back");
  await page.waitForFunction(() => !document.querySelector(".status.person"));
  await page.keyboard.press("Shift+Tab");
  await page.getByRole("textbox").fill("¿Qué horario tienen?");
  await page.keyboard.press("Enter");
  await settled(page, 6);
  const last = (await turns(page)).at(-1);
  assert.equal(last[0], "assistant");
  await picture(page, "3-back");
  assert.deepEqual(page.complaints, []);
  await browser.close();
});
