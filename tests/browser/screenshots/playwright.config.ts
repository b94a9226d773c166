import { defineConfig } from '@playwright/test';
import tests from '../playwright.config';

/** Makes the pictures of the docs; no tests. */
export default defineConfig(tests, { testDir: '.', use: { deviceScaleFactor: 1.5 } });
