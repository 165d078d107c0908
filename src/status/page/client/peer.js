import { setClock, tellTimes } from "./times.js";
import { offerTrace } from "./trace.js";

setClock(Number(document.getElementById("main")?.dataset["now"]));
tellTimes();
setInterval(() => tellTimes(), 1_000);

const trace = document.getElementById("trace");
if (trace !== null) offerTrace(trace);
