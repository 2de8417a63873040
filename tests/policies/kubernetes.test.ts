import * as kubernetes from "../../policies/rules/kubernetes.js";
import { describeRule, type Sample } from "../support/policy.js";

const GROUP = "kubernetes:rbac.authorization.k8s.io/v1";
const role = (kind: "ClusterRole" | "Role"): Sample => ({
  type: `${GROUP}:${kind}`,
  name: kind,
  props: { rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] }] },
});
const ends = "\n  also covers resources that are added later, secrets and roles included\n";

describeRule(kubernetes.kubernetesNoWildcards, {
  good: [role("ClusterRole"), role("Role")],
  bad: {
    "all verbs": {
      set: { "rules.0.verbs": ["*"] },
      message: `rules.0.verbs = ["*"]${ends}  → list the verbs that are used`,
    },
    "all resources": {
      of: 1,
      set: { "rules.0.resources": ["pods", "*"] },
      message: `rules.0.resources = ["pods","*"]${ends}  → list the resources that are used`,
    },
    "all groups": {
      set: { "rules.0.apiGroups": ["*"] },
      message: `rules.0.apiGroups = ["*"]${ends}  → list the apiGroups that are used`,
    },
    "all paths": {
      set: { "rules.0": { nonResourceURLs: ["*"], verbs: ["get"] } },
      message: `rules.0.nonResourceURLs = ["*"]${ends}  → list the nonResourceURLs that are used`,
    },
  },
});

const everything =
  'roleRef.name = "cluster-admin"\n  the subject could do everything in the cluster\n  → bind a role with the rights that are used';
describeRule(kubernetes.kubernetesNoClusterAdmin, {
  good: ["ClusterRoleBinding", "RoleBinding"].map((kind) => ({
    type: `${GROUP}:${kind}`,
    name: kind,
    props: { roleRef: { kind: "ClusterRole", name: "view" }, subjects: [{ kind: "User", name: "ops" }] },
  })),
  bad: {
    "the whole cluster": { set: { "roleRef.name": "cluster-admin" }, message: everything },
    "a whole namespace": { of: 1, set: { "roleRef.name": "cluster-admin" }, message: everything },
  },
});

describeRule(kubernetes.kubernetesNoEscalation, {
  good: [role("ClusterRole"), role("Role")],
  bad: Object.fromEntries(
    ["bind", "escalate", "impersonate"].map((verb) => [
      verb,
      {
        set: { "rules.0.verbs": ["get", verb] },
        message: `rules.0.verbs = ["${verb}"]\n  its holder can grant itself every other right\n  → remove it; an administrator changes roles through Pulumi`,
      },
    ]),
  ),
});
