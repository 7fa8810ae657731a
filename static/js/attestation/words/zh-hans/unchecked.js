/** As ../en/unchecked.js, in Simplified Chinese. */
export const UNCHECKED = {
  sentence: "未检查：{why}。",
  report: "报告无法读取",
  certificate: "其证书无法读取",
  list: "英特尔的列表无法读取",
  crl: "吊销列表无法读取",
  statement: "机器的声明无法读取",
  eventLog: "启动记录无法读取",
  release: "它所称的发布版本在这里未知",
  request: "它所回答的请求在这里未知",
  suites: "所要求的密钥类型在这里未知",
  operator: "地址或运营者的密钥在这里未知",
  elapsed: "回应所用的时间在这里未知",
};
