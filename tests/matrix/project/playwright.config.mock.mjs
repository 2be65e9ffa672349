import process from "node:process";

export default {
  testMatch: "mock.spec.mjs",
  outputDir: "node_modules/.playwright",
  use: {
    launchOptions: {
      executablePath: process.env.MATRIX_CHROMIUM,
      // Chromium's sandbox does not work for root, who runs the tests in containers.
      args: process.getuid() === 0 ? ["--no-sandbox"] : [],
    },
  },
};
