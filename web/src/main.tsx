import { render } from "preact";
import "./chat.css";
import { ChatPage } from "./page.js";
import type { Start } from "./wire.js";

const start = JSON.parse(document.getElementById("start")?.textContent ?? "") as Start;
const root = document.getElementById("chat");
if (root) {
  root.replaceChildren();
  render(<ChatPage start={start} />, root);
}
