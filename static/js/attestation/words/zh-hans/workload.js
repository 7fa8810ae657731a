/** As ../en/workload.js, in Simplified Chinese. */
export const WORKLOAD_PASSED = {
  "td.workload": "运行的内容都经过测量，属于发布版本 {version}：应用程序、{server} 和模型 {model}。",
};

export const WORKLOAD_REASONS = {
  event_log_malformed: "启动记录无法读取。",
  event_log_begins: "在记录开始之前就有内容被测量。",
  event_log_differs: "记录中的事件推不出处理器所报告的 {names}。",
  event_differs: "事件 {number} 不是被测量的内容：{event}。",
  event_unknown: "发布版本中没有此事件：{event}。",
  application_differs: "应用程序的以下文件与发布版本不同：{names}。",
  server_differs: "模型服务器不属于该发布版本：{server}。",
  blob_differs: "模型 {model} 的以下文件不是应有的内容：{blobs}。",
};

export const WORKLOAD_UNCHECKED = {
  workload: "机器没有测量它所运行的内容",
  parts: "运行内容的一部分没有测量",
  endpoint: "模型在这台机器之外运行，提示词会在那里被读到，而没有人证明那里是什么",
};
