// Imported first by every entry: one clear line instead of a missing function somewhere later. What is imported beside
// it must still parse and link on an old Node.
const found = process.versions.node
if (Number.parseInt(found, 10) < 24) {
  throw new Error(
    `celeriac needs Node 24 or newer, this is Node ${found}; get it with "npm i -D node@24" (npm scripts then use it), ` +
      '"nvm install 24" or from https://nodejs.org',
  )
}

export {}
