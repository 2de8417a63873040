/** A twin with one machine whose volume hangs nearly always, and that writes to it. Says the machine's process, then waits to be killed. */
import { Progress } from "../../../../common/progress.js";
import { ensureImage } from "../../../../lab/twin/image.js";
import { LocalTwin } from "../../../../lab/twin/local-twin.js";

const dir = process.argv[2] as string;
const { root, payload } = await ensureImage(new Progress());
const twin = await LocalTwin.open({ dir, regions: ["home"], layers: [payload, root] });
const machine = await twin.add({
  name: "a",
  role: "database",
  region: "home",
  address: "10.10.0.10",
  userData: '#cloud-config\n{"write_files": [], "runcmd": []}\n',
  volumeMib: 512,
});
await machine.booted();
await machine.slowDisk(4000, 4050);
void machine.run(["sh", "-c", "echo x > /var/lib/dr/x; sync"]);
await new Promise((resolve) => setTimeout(resolve, 300));
console.log(machine.pid);
setInterval(() => {}, 1000);
