const project = (testEnvironment) => ({
  displayName: testEnvironment,
  testEnvironment,
  testMatch: ["<rootDir>/mock.test.cjs"],
});

module.exports = { projects: ["node", "jsdom", "@happy-dom/jest-environment"].map(project) };
