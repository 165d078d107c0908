/** Where on a packet's way through the kernel rules are applied. */
export type Hook =
  | "ingress"
  | "prerouting"
  | "input"
  | "forward"
  | "output"
  | "postrouting"
  | "egress";
