import { keepTimes, setClock } from "./times.js";
import { offerTrace } from "./trace.js";

setClock(Number(document.getElementById("main")?.dataset["now"]));
keepTimes();

const trace = document.getElementById("trace");
if (trace !== null) offerTrace(trace);
