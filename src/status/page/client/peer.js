import { setClock, tellTimes } from "./times.js";

setClock(Number(document.getElementById("main")?.dataset["now"]));
tellTimes();
setInterval(() => tellTimes(), 1_000);
