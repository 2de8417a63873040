/** etcd of the region under test, as the runbooks ask it: with etcdctl, on a node. */
import { TLS_FILES } from "../../nodes/layout.js";
import { PORTS } from "../../settings/contract.js";
import type { Machine } from "../twin/types.js";
import type { Scene } from "./scene.js";

const TLS = ["--cacert", TLS_FILES.authority, "--cert", TLS_FILES.certificate, "--key", TLS_FILES.key];

/** Runs `etcdctl` on a node, against that node's own member. @throws Error with its words. */
export function etcdctl(scene: Scene, on: Machine, ...args: string[]): Promise<string> {
  const endpoint = `https://127.0.0.1:${PORTS.etcdClient}`;
  return scene.must(on, ["env", "ETCDCTL_API=3", "etcdctl", "--endpoints", endpoint, ...TLS, ...args]);
}

interface Endpoint {
  readonly Endpoint: string;
  readonly Status: {
    /** 64 bits: only good for being compared as text, which JSON numbers are not. */
    readonly header: { readonly member_id: string };
    readonly leader: string;
    readonly raftTerm: number;
  };
}

export interface EtcdLeader {
  readonly node: Machine;
  readonly term: number;
}

/** The member that leads etcd, as all members see it. @throws Error when they don't agree, or one doesn't answer. */
export async function etcdLeader(scene: Scene, on: Machine): Promise<EtcdLeader> {
  const text = await etcdctl(scene, on, "endpoint", "status", "--cluster", "--write-out", "json");
  const exact = text.replaceAll(/"(member_id|leader)":(\d+)/g, '"$1":"$2"');
  const endpoints = JSON.parse(exact) as Endpoint[];
  const leaders = new Set(endpoints.map(({ Status }) => Status.leader));
  const [leader] = endpoints.filter(({ Status }) => Status.leader === Status.header.member_id);
  if (leaders.size !== 1 || !leader || endpoints.length < scene.voters.length) {
    throw new Error(`etcd's members don't agree on a leader: ${text.trim()}`);
  }
  const node = scene.voters.find(({ address }) => new URL(leader.Endpoint).hostname === address);
  if (!node) throw new Error(`${leader.Endpoint} is no node of this region`);
  return { node, term: leader.Status.raftTerm };
}

const WHOLE_SECONDS = 60;

/** Waits until every member answers. */
export function etcdWhole(scene: Scene, on: Machine): Promise<EtcdLeader> {
  return scene.eventually("every etcd member is healthy", () => etcdLeader(scene, on), WHOLE_SECONDS);
}
