/** Links into the standards that rules refer to. */
import type { Reference } from "./rule.js";

/** A control of AWS Security Hub, e.g. `S3.5`. */
export function securityHub(control: string): Reference {
  const page = control.split(".")[0]?.toLowerCase();
  const anchor = control.toLowerCase().replace(".", "-");
  return {
    id: `Security Hub ${control}`,
    url: `https://docs.aws.amazon.com/securityhub/latest/userguide/${page}-controls.html#${anchor}`,
  };
}

/** A managed rule of AWS Config, where Security Hub has no control. */
export const awsConfig = (name: string): Reference => ({
  id: `AWS Config ${name}`,
  url: `https://docs.aws.amazon.com/config/latest/developerguide/${name}.html`,
});

/** A recommendation of the CIS Kubernetes Benchmark. */
export const cisKubernetes = (recommendation: string): Reference => ({
  id: `CIS Kubernetes ${recommendation}`,
  url: "https://www.cisecurity.org/benchmark/kubernetes",
});

/** A page that is the source where no control exists. */
export const guidance = (id: string, url: string): Reference => ({ id, url });
