import { defineConfig } from "vite";

// What is built is kept in chat/src/page/, beside the server that serves it, so that building the server takes no Node.
export default defineConfig({
  build: {
    outDir: "../chat/src/page",
    emptyOutDir: false,
    target: "es2022",
    modulePreload: false,
    cssCodeSplit: false,
    rolldownOptions: {
      input: "src/main.tsx",
      output: { entryFileNames: "chat.js", assetFileNames: "chat[extname]", format: "es" },
    },
  },
});
