// The page is served at /console and its files below, all in one folder; each name holds a digest of the content.
export default {
  base: "/console/",
  build: {
    target: "es2022",
    assetsDir: "",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
};
