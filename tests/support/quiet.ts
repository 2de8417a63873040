import { Writable } from "node:stream";
import { Progress } from "../../common/progress.js";

/** Progress that nothing shows. */
export const quiet = (): Progress =>
  new Progress(new Writable({ write: (_chunk, _encoding, done) => done() }));
