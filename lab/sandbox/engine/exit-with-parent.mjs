// Preloaded into every process that the engine starts: they end when it does, however it ended.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(0);
}, 1000).unref();
