/** The rules for the instance metadata, in the kernel, with the users of the machines' own image. */
import { beforeAll, expect, test } from "vitest";
import { Progress } from "../../../common/progress.js";
import { ensureImage, type NodeImage } from "../../../lab/twin/image.js";
import { METADATA_FILE, METADATA_USERS, renderMetadataRules } from "../../../nodes/render/metadata.js";
import { inside } from "./support/inside.js";

let image: NodeImage;
beforeAll(async () => {
  image = await ensureImage(new Progress());
}, 600_000);

/** Another network with a server that has the metadata's addresses. */
const SERVER = `
unshare --net sleep infinity & far=$!
sleep 0.2
ip link add near type veth peer name far netns $far
ip address add 10.0.0.1/24 dev near
ip address add fd00:ec2::1/64 dev near nodad
ip link set near up
across() { nsenter --target $far --net "$@"; }
across ip address add 10.0.0.2/24 dev far
across ip address add 169.254.169.254/32 dev far
across ip address add 169.254.169.253/32 dev far
across ip address add fd00:ec2::254/64 dev far nodad
across ip link set far up
ip route add 169.254.0.0/16 dev near
cd /tmp
across python3 -m http.server --bind :: 80 > /dev/null 2>&1 &
ask() { setpriv --reuid=$1 --regid=$1 --clear-groups curl --silent --output /dev/null --max-time 5 "http://$2/"; }
until ask root 169.254.169.254 && ask daemon 169.254.169.254 && ask daemon '[fd00:ec2::254]'; do sleep 0.1; done
`;

const ALL_USERS = ["root", "postgres", "etcd", "haproxy", "tomcat", "daemon"];
test.each(["database", "tomcat"] as const)("on a %s machine only its users reach it", async (kind) => {
  const rules = [{ path: METADATA_FILE, content: renderMetadataRules(kind), mode: "0644" }];
  const { exitCode, output } = await inside(
    image,
    rules,
    `${SERVER}
     nft -c -f ${METADATA_FILE}
     # Loaded again, it replaces itself.
     nft -f ${METADATA_FILE}; nft -f ${METADATA_FILE}
     for user in ${ALL_USERS.join(" ")}; do
       for address in 169.254.169.254 '[fd00:ec2::254]' 169.254.169.253; do
         # 28: no answer in time, which would make a program wait.
         ask $user $address && echo "$user $address" || { [[ $? != 28 ]] || echo "$user waits"; }
       done
     done
     nft list table inet dr_metadata | grep -c reject
     # A connection that a user with a right has closed first is closed on the far side, too.
     exec 3<> /dev/tcp/169.254.169.254/80; exec 3>&-
     sleep 1
     across ss --no-header --tcp state last-ack state fin-wait-1 state close-wait`,
  );
  const reached = ALL_USERS.flatMap((user) => {
    const metadata = ["169.254.169.254", "[fd00:ec2::254]"].map((address) => `${user} ${address}`);
    const allowed: readonly string[] = METADATA_USERS[kind];
    // Its neighbour, the name server, stays within everybody's reach.
    return [...(allowed.includes(user) ? metadata : []), `${user} 169.254.169.253`];
  });
  expect(output.split("\n")).toEqual([...reached, "1"]);
  expect(exitCode).toBe(0);
});
