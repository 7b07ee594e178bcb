// The parts of the plugin that are questioned, by their own files.
'use strict';

const at = (name) => require(`wechatpay-axios-plugin/lib/${name}`);

module.exports = {
  Rsa: at('rsa'),
  Aes: at('aes'),
  Formatter: at('formatter'),
};
