const project = (testEnvironment) => ({
  displayName: testEnvironment,
  testEnvironment,
  testMatch: ["mock", ...testEnvironment === "node" ? ["example"] : []]
    .map((name) => `<rootDir>/${name}.test.cjs`),
});

module.exports = { projects: ["node", "jsdom", "@happy-dom/jest-environment"].map(project) };
